#include "textflag.h"

// func magnitudeAVX2(row *float32, n int) uint32
TEXT ·magnitudeAVX2(SB), NOSPLIT, $0-20
	MOVQ row+0(FP), SI
	MOVQ n+8(FP), CX
	VPCMPEQD Y2, Y2, Y2
	VPSRLD $1, Y2, Y2        // all bits but the sign
	VPXOR Y0, Y0, Y0
	VPXOR Y1, Y1, Y1

lanes:
	VPAND (SI), Y2, Y3
	VPAND 32(SI), Y2, Y4
	VPMAXUD Y3, Y0, Y0
	VPMAXUD Y4, Y1, Y1
	ADDQ $64, SI
	SUBQ $16, CX
	JNZ lanes

	VPMAXUD Y1, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPMAXUD X1, X0, X0
	VPSHUFD $0x4e, X0, X1
	VPMAXUD X1, X0, X0
	VPSHUFD $0xb1, X0, X1
	VPMAXUD X1, X0, X0
	VMOVD X0, AX
	MOVL AX, ret+16(FP)
	VZEROUPPER
	RET

// WHOLE leaves sixteen rounded multiples of (SI) in Y1, in order. VCVTPS2DQ rounds to the nearest, the even one of two.
#define WHOLE \
	VMULPS (SI), Y0, Y1; \
	VMULPS 32(SI), Y0, Y2; \
	VCVTPS2DQ Y1, Y1; \
	VCVTPS2DQ Y2, Y2; \
	VPACKSSDW Y2, Y1, Y1; \
	VPERMQ $0xd8, Y1, Y1

// func whole16AVX2(dst *int16, row *float32, n int, factor float32)
TEXT ·whole16AVX2(SB), NOSPLIT, $0-28
	MOVQ dst+0(FP), DI
	MOVQ row+8(FP), SI
	MOVQ n+16(FP), CX
	VBROADCASTSS factor+24(FP), Y0

lanes:
	WHOLE
	VMOVDQU Y1, (DI)
	ADDQ $64, SI
	ADDQ $32, DI
	SUBQ $16, CX
	JNZ lanes
	VZEROUPPER
	RET

// func whole8AVX2(dst *int8, row *float32, n int, factor float32)
TEXT ·whole8AVX2(SB), NOSPLIT, $0-28
	MOVQ dst+0(FP), DI
	MOVQ row+8(FP), SI
	MOVQ n+16(FP), CX
	VBROADCASTSS factor+24(FP), Y0

lanes:
	WHOLE
	VPACKSSWB Y1, Y1, Y1
	VPERMQ $0xd8, Y1, Y1
	VMOVDQU X1, (DI)
	ADDQ $64, SI
	ADDQ $16, DI
	SUBQ $16, CX
	JNZ lanes
	VZEROUPPER
	RET
