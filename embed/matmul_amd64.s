#include "textflag.h"

// Both functions take four rows of a at a time, in SI, R10, R11 and R12, and two of w, in DI and R13. The registers 0…7 hold the lanes
// of the eight sums, two for each row. AX counts numbers.

// WRITE adds the lanes of four sums, two of each of two rows, and writes the sums to (R8) and (R8)(R9*1).
#define WRITE(s0, s1, s2, s3, y0, x0) \
	VPHADDD s1, s0, Y8; \
	VPHADDD s3, s2, Y9; \
	VPHADDD Y9, Y8, y0; \
	VEXTRACTI128 $1, y0, X9; \
	VPADDD X9, x0, x0; \
	VMOVQ x0, (R8); \
	VPEXTRQ $1, x0, (R8)(R9*1); \
	LEAQ (R8)(R9*2), R8

// func twoColumnsAVX2(k, blocks int, a *int16, w *int8, c *int32, n int)
TEXT ·twoColumnsAVX2(SB), NOSPLIT, $0-48
	MOVQ k+0(FP), CX
	MOVQ blocks+8(FP), BX
	MOVQ a+16(FP), SI
	MOVQ w+24(FP), DI
	MOVQ c+32(FP), R8
	MOVQ n+40(FP), R9
	SHLQ $2, R9              // bytes of a row of c
	LEAQ (DI)(CX*1), R13

block:
	LEAQ (SI)(CX*2), R10
	LEAQ (SI)(CX*4), R11
	LEAQ (R10)(CX*4), R12
	VPXOR Y0, Y0, Y0
	VPXOR Y1, Y1, Y1
	VPXOR Y2, Y2, Y2
	VPXOR Y3, Y3, Y3
	VPXOR Y4, Y4, Y4
	VPXOR Y5, Y5, Y5
	VPXOR Y6, Y6, Y6
	VPXOR Y7, Y7, Y7
	XORQ AX, AX

lanes:
	VPMOVSXBW (DI)(AX*1), Y8
	VPMOVSXBW (R13)(AX*1), Y9
	VMOVDQU (SI)(AX*2), Y10
	VPMADDWD Y8, Y10, Y11
	VPMADDWD Y9, Y10, Y12
	VPADDD Y11, Y0, Y0
	VPADDD Y12, Y1, Y1
	VMOVDQU (R10)(AX*2), Y13
	VPMADDWD Y8, Y13, Y14
	VPMADDWD Y9, Y13, Y15
	VPADDD Y14, Y2, Y2
	VPADDD Y15, Y3, Y3
	VMOVDQU (R11)(AX*2), Y10
	VPMADDWD Y8, Y10, Y11
	VPMADDWD Y9, Y10, Y12
	VPADDD Y11, Y4, Y4
	VPADDD Y12, Y5, Y5
	VMOVDQU (R12)(AX*2), Y13
	VPMADDWD Y8, Y13, Y14
	VPMADDWD Y9, Y13, Y15
	VPADDD Y14, Y6, Y6
	VPADDD Y15, Y7, Y7
	ADDQ $16, AX
	CMPQ AX, CX
	JLT lanes

	WRITE(Y0, Y1, Y2, Y3, Y10, X10)
	WRITE(Y4, Y5, Y6, Y7, Y11, X11)
	LEAQ (SI)(CX*8), SI
	DECQ BX
	JNZ block
	VZEROUPPER
	RET

// HALVE adds the upper half of a sum's lanes to the lower.
#define HALVE(z, y) \
	VEXTRACTI64X4 $1, z, Y8; \
	VPADDD Y8, y, y

// func twoColumnsVNNI(k, blocks int, a *int16, w *int8, c *int32, n int)
TEXT ·twoColumnsVNNI(SB), NOSPLIT, $0-48
	MOVQ k+0(FP), CX
	MOVQ blocks+8(FP), BX
	MOVQ a+16(FP), SI
	MOVQ w+24(FP), DI
	MOVQ c+32(FP), R8
	MOVQ n+40(FP), R9
	SHLQ $2, R9
	LEAQ (DI)(CX*1), R13

block:
	LEAQ (SI)(CX*2), R10
	LEAQ (SI)(CX*4), R11
	LEAQ (R10)(CX*4), R12
	VPXORD Z0, Z0, Z0
	VPXORD Z1, Z1, Z1
	VPXORD Z2, Z2, Z2
	VPXORD Z3, Z3, Z3
	VPXORD Z4, Z4, Z4
	VPXORD Z5, Z5, Z5
	VPXORD Z6, Z6, Z6
	VPXORD Z7, Z7, Z7
	XORQ AX, AX

lanes:
	VPMOVSXBW (DI)(AX*1), Z8
	VPMOVSXBW (R13)(AX*1), Z9
	VMOVDQU64 (SI)(AX*2), Z10
	VPDPWSSD Z8, Z10, Z0
	VPDPWSSD Z9, Z10, Z1
	VMOVDQU64 (R10)(AX*2), Z11
	VPDPWSSD Z8, Z11, Z2
	VPDPWSSD Z9, Z11, Z3
	VMOVDQU64 (R11)(AX*2), Z12
	VPDPWSSD Z8, Z12, Z4
	VPDPWSSD Z9, Z12, Z5
	VMOVDQU64 (R12)(AX*2), Z13
	VPDPWSSD Z8, Z13, Z6
	VPDPWSSD Z9, Z13, Z7
	ADDQ $32, AX
	CMPQ AX, CX
	JLT lanes

	HALVE(Z0, Y0)
	HALVE(Z1, Y1)
	HALVE(Z2, Y2)
	HALVE(Z3, Y3)
	HALVE(Z4, Y4)
	HALVE(Z5, Y5)
	HALVE(Z6, Y6)
	HALVE(Z7, Y7)
	WRITE(Y0, Y1, Y2, Y3, Y10, X10)
	WRITE(Y4, Y5, Y6, Y7, Y11, X11)
	LEAQ (SI)(CX*8), SI
	DECQ BX
	JNZ block
	VZEROUPPER
	RET
