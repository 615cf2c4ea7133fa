#include "textflag.h"

// No fused multiplication and addition: the results are those of the plain code, bit by bit.

// func axpyAVX2(dst *float32, a float32, x *float32, n int)
TEXT ·axpyAVX2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	VBROADCASTSS a+8(FP), Y0
	MOVQ x+16(FP), SI
	MOVQ n+24(FP), CX
	SHLQ $2, CX
	XORQ AX, AX

loop:
	VMULPS (SI)(AX*1), Y0, Y1
	VADDPS (DI)(AX*1), Y1, Y1
	VMOVUPS Y1, (DI)(AX*1)
	ADDQ $32, AX
	CMPQ AX, CX
	JLT loop
	VZEROUPPER
	RET

// func axpyBytesAVX2(dst *float32, a float32, x *int8, n int)
TEXT ·axpyBytesAVX2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	VBROADCASTSS a+8(FP), Y0
	MOVQ x+16(FP), SI
	MOVQ n+24(FP), CX
	XORQ AX, AX

loop:
	VPMOVSXBD (SI)(AX*1), Y1
	VCVTDQ2PS Y1, Y1
	VMULPS Y1, Y0, Y1
	VADDPS (DI)(AX*4), Y1, Y1
	VMOVUPS Y1, (DI)(AX*4)
	ADDQ $8, AX
	CMPQ AX, CX
	JLT loop
	VZEROUPPER
	RET

// func adagradAVX2(w, squares, grad *float32, x, rate float32, n int)
TEXT ·adagradAVX2(SB), NOSPLIT, $0-40
	MOVQ w+0(FP), DI
	MOVQ squares+8(FP), SI
	MOVQ grad+16(FP), DX
	VBROADCASTSS x+24(FP), Y0
	VBROADCASTSS rate+28(FP), Y1
	MOVQ n+32(FP), CX
	SHLQ $2, CX
	XORQ AX, AX

loop:
	VMULPS (DX)(AX*1), Y0, Y2 // step
	VMULPS Y2, Y2, Y3
	VADDPS (SI)(AX*1), Y3, Y3
	VMOVUPS Y3, (SI)(AX*1)
	VSQRTPS Y3, Y3
	VMULPS Y2, Y1, Y2
	VDIVPS Y3, Y2, Y2
	VMOVUPS (DI)(AX*1), Y4
	VSUBPS Y2, Y4, Y4
	VMOVUPS Y4, (DI)(AX*1)
	ADDQ $32, AX
	CMPQ AX, CX
	JLT loop
	VZEROUPPER
	RET
