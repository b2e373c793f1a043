#include "base64.h"

#include <string.h>

static int
sextet_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* One group: `digits` of it are no padding. */
static bool
group_decode(unsigned int bits, int digits, struct k8s_buffer *out)
{
	const char bytes[3] = {
		(char)(bits >> 16 & 0xff),
		(char)(bits >> 8 & 0xff),
		(char)(bits & 0xff),
	};
	unsigned int unused = digits == 2 ? 0xffff : digits == 3 ? 0xff : 0;

	if (digits < 2 || (bits & unused) != 0)
		return false;
	return k8s_buffer_add(out, bytes, (size_t)digits - 1);
}

bool
k8s_base64_decode(const char *text, struct k8s_buffer *out)
{
	unsigned int bits = 0;
	int digits = 0;
	int padding = 0;
	bool ended = false;

	for (; *text != '\0'; text++) {
		int sextet = sextet_of(*text);

		if (strchr(" \t\r\n", *text) != NULL)
			continue;
		if (ended || (sextet < 0 && *text != '='))
			return false;
		if (sextet >= 0 && padding > 0)
			return false;
		if (sextet < 0)
			padding++;
		bits = bits << 6 | (sextet < 0 ? 0 : (unsigned int)sextet);
		if (++digits < 4)
			continue;
		if (!group_decode(bits, 4 - padding, out))
			return false;
		ended = padding > 0;
		bits = 0;
		digits = 0;
	}
	return digits == 0;
}
