#include "textflag.h"

// Instructions that the assembler does not know (Arm Architecture Reference Manual, C7.2). Numbers are those of registers.
//
// SXTL and SXTL2 widen the lower and the upper eight bytes of n to 16 bits; SMLAL and SMLAL2 multiply the lower and the upper four
// numbers of 16 bits of n and m, and add the products to d; ADDP adds neighbours, those of n first.
#define SXTL(n, d) WORD $(0x0f08a400 | (n)<<5 | (d))
#define SXTL2(n, d) WORD $(0x4f08a400 | (n)<<5 | (d))
#define SMLAL(m, n, d) WORD $(0x0e608000 | (m)<<16 | (n)<<5 | (d))
#define SMLAL2(m, n, d) WORD $(0x4e608000 | (m)<<16 | (n)<<5 | (d))
#define ADDP(m, n, d) WORD $(0x4ea0bc00 | (m)<<16 | (n)<<5 | (d))

// ROW adds sixteen products each to the sums s0 and s1: numbers of a in V22 and V23, of w in V16 to V19.
#define ROW(s0, s1) \
	SMLAL(16, 22, s0); \
	SMLAL(18, 22, s1); \
	SMLAL2(16, 22, s0); \
	SMLAL2(18, 22, s1); \
	SMLAL(17, 23, s0); \
	SMLAL(19, 23, s1); \
	SMLAL2(17, 23, s0); \
	SMLAL2(19, 23, s1)

// func twoColumnsNEON(k, blocks int, a *int16, w *int8, c *int32, n int)
//
// Four rows of a at a time, in R2 and R10 to R12, and two of w, in R3 and R13. V0 to V7 are the lanes of the eight sums.
TEXT ·twoColumnsNEON(SB), NOSPLIT, $0-48
	MOVD k+0(FP), R0
	MOVD blocks+8(FP), R1
	MOVD a+16(FP), R2
	MOVD w+24(FP), R14
	MOVD c+32(FP), R4
	MOVD n+40(FP), R5
	LSL $2, R5, R5           // bytes of a row of c

block:
	MOVD R14, R3
	ADD R0, R14, R13
	ADD R0<<1, R2, R10
	ADD R0<<1, R10, R11
	ADD R0<<1, R11, R12
	VEOR V0.B16, V0.B16, V0.B16
	VEOR V1.B16, V1.B16, V1.B16
	VEOR V2.B16, V2.B16, V2.B16
	VEOR V3.B16, V3.B16, V3.B16
	VEOR V4.B16, V4.B16, V4.B16
	VEOR V5.B16, V5.B16, V5.B16
	VEOR V6.B16, V6.B16, V6.B16
	VEOR V7.B16, V7.B16, V7.B16
	MOVD R0, R6

lanes:
	VLD1.P 16(R3), [V20.B16]
	VLD1.P 16(R13), [V21.B16]
	SXTL(20, 16)
	SXTL2(20, 17)
	SXTL(21, 18)
	SXTL2(21, 19)
	VLD1.P 32(R2), [V22.H8, V23.H8]
	ROW(0, 1)
	VLD1.P 32(R10), [V22.H8, V23.H8]
	ROW(2, 3)
	VLD1.P 32(R11), [V22.H8, V23.H8]
	ROW(4, 5)
	VLD1.P 32(R12), [V22.H8, V23.H8]
	ROW(6, 7)
	SUBS $16, R6, R6
	BNE lanes

	ADDP(1, 0, 0)
	ADDP(3, 2, 2)
	ADDP(2, 0, 0)            // two sums of the first row, two of the second
	ADDP(5, 4, 4)
	ADDP(7, 6, 6)
	ADDP(6, 4, 4)
	VMOV V0.D[0], R7
	MOVD R7, (R4)
	ADD R5, R4, R4
	VMOV V0.D[1], R7
	MOVD R7, (R4)
	ADD R5, R4, R4
	VMOV V4.D[0], R7
	MOVD R7, (R4)
	ADD R5, R4, R4
	VMOV V4.D[1], R7
	MOVD R7, (R4)
	ADD R5, R4, R4

	MOVD R12, R2             // the rows have been read to their ends
	SUBS $1, R1, R1
	BNE block
	RET
