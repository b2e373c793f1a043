#include "utf8.h"

#include <stdbool.h>

static bool
continues(const unsigned char *byte)
{
	return (*byte & 0xc0) == 0x80;
}

static size_t
sequence_of_3(const unsigned char *at)
{
	if (!continues(at + 1) || !continues(at + 2))
		return 0;
	if (at[0] == 0xe0 && at[1] < 0xa0)
		return 0; /* overlong */
	if (at[0] == 0xed && at[1] > 0x9f)
		return 0; /* surrogates */
	return 3;
}

static size_t
sequence_of_4(const unsigned char *at)
{
	if (!continues(at + 1) || !continues(at + 2) || !continues(at + 3))
		return 0;
	if (at[0] == 0xf0 && at[1] < 0x90)
		return 0; /* overlong */
	if (at[0] == 0xf4 && at[1] > 0x8f)
		return 0; /* above U+10FFFF */
	return 4;
}

size_t
k8s_utf8_sequence(const char *text, size_t left)
{
	const unsigned char *at = (const unsigned char *)text;

	if (left == 0)
		return 0;
	if (at[0] < 0x80)
		return 1;
	if (at[0] >= 0xc2 && at[0] <= 0xdf)
		return left >= 2 && continues(at + 1) ? 2 : 0;
	if (at[0] >= 0xe0 && at[0] <= 0xef)
		return left >= 3 ? sequence_of_3(at) : 0;
	if (at[0] >= 0xf0 && at[0] <= 0xf4)
		return left >= 4 ? sequence_of_4(at) : 0;
	return 0;
}

size_t
k8s_utf8_encode(unsigned int point, char out[4])
{
	if (point < 0x80) {
		out[0] = (char)point;
		return 1;
	}
	if (point < 0x800) {
		out[0] = (char)(0xc0 | point >> 6);
		out[1] = (char)(0x80 | (point & 0x3f));
		return 2;
	}
	if (point < 0x10000) {
		out[0] = (char)(0xe0 | point >> 12);
		out[1] = (char)(0x80 | (point >> 6 & 0x3f));
		out[2] = (char)(0x80 | (point & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | point >> 18);
	out[1] = (char)(0x80 | (point >> 12 & 0x3f));
	out[2] = (char)(0x80 | (point >> 6 & 0x3f));
	out[3] = (char)(0x80 | (point & 0x3f));
	return 4;
}
