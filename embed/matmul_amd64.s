#include "textflag.h"

// func twoColumnsAVX2(k, blocks int, a, w, c *float32, n int)
//
// Four rows of a at a time: Y0…Y7 are the lanes of the eight sums, two for each row. No fused multiplication and addition: the
// result is that of the plain code, bit by bit.
TEXT ·twoColumnsAVX2(SB), NOSPLIT, $0-48
	MOVQ k+0(FP), CX
	MOVQ blocks+8(FP), BX
	MOVQ a+16(FP), SI
	MOVQ w+24(FP), DI
	MOVQ c+32(FP), R8
	MOVQ n+40(FP), R9
	SHLQ $2, CX              // bytes of a row of a and w
	SHLQ $2, R9              // bytes of a row of c
	LEAQ (DI)(CX*1), R13     // second row of w

block:
	LEAQ (SI)(CX*1), R10
	LEAQ (SI)(CX*2), R11
	LEAQ (R10)(CX*2), R12
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	XORQ AX, AX

lanes:
	VMOVUPS (DI)(AX*1), Y8
	VMOVUPS (R13)(AX*1), Y9
	VMOVUPS (SI)(AX*1), Y10
	VMULPS Y8, Y10, Y11
	VMULPS Y9, Y10, Y12
	VADDPS Y11, Y0, Y0
	VADDPS Y12, Y1, Y1
	VMOVUPS (R10)(AX*1), Y13
	VMULPS Y8, Y13, Y14
	VMULPS Y9, Y13, Y15
	VADDPS Y14, Y2, Y2
	VADDPS Y15, Y3, Y3
	VMOVUPS (R11)(AX*1), Y10
	VMULPS Y8, Y10, Y11
	VMULPS Y9, Y10, Y12
	VADDPS Y11, Y4, Y4
	VADDPS Y12, Y5, Y5
	VMOVUPS (R12)(AX*1), Y13
	VMULPS Y8, Y13, Y14
	VMULPS Y9, Y13, Y15
	VADDPS Y14, Y6, Y6
	VADDPS Y15, Y7, Y7
	ADDQ $32, AX
	CMPQ AX, CX
	JLT lanes

	// (s0+s4, s1+s5, s2+s6, s3+s7), then neighbours, then both halves
	VEXTRACTF128 $1, Y0, X8
	VEXTRACTF128 $1, Y1, X9
	VADDPS X8, X0, X0
	VADDPS X9, X1, X1
	VHADDPS X1, X0, X0
	VHADDPS X0, X0, X0
	VMOVQ X0, AX
	MOVQ AX, (R8)
	ADDQ R9, R8
	VEXTRACTF128 $1, Y2, X8
	VEXTRACTF128 $1, Y3, X9
	VADDPS X8, X2, X2
	VADDPS X9, X3, X3
	VHADDPS X3, X2, X2
	VHADDPS X2, X2, X2
	VMOVQ X2, AX
	MOVQ AX, (R8)
	ADDQ R9, R8
	VEXTRACTF128 $1, Y4, X8
	VEXTRACTF128 $1, Y5, X9
	VADDPS X8, X4, X4
	VADDPS X9, X5, X5
	VHADDPS X5, X4, X4
	VHADDPS X4, X4, X4
	VMOVQ X4, AX
	MOVQ AX, (R8)
	ADDQ R9, R8
	VEXTRACTF128 $1, Y6, X8
	VEXTRACTF128 $1, Y7, X9
	VADDPS X8, X6, X6
	VADDPS X9, X7, X7
	VHADDPS X7, X6, X6
	VHADDPS X6, X6, X6
	VMOVQ X6, AX
	MOVQ AX, (R8)
	ADDQ R9, R8

	LEAQ (SI)(CX*4), SI
	DECQ BX
	JNZ block
	VZEROUPPER
	RET
