/* API keys as nginx's map. */
#include "app_fixture.h"

#include "nginx_keys.h"

#define KEY_A   "AAAAAAAAAAAAAAAA" /* 16, the shortest */
#define KEY_B   "b-b_b0123456789B"
#define KEY_32  KEY_A KEY_A
#define KEY_128 KEY_32 KEY_32 KEY_32 KEY_32
#define HEAD    "# written by sandbox-provisioner --nginx-keys\n"

struct attempt {
	const char *variable; /* PROVISIONER_API_KEY, NULL = unset */
	const char *file;     /* content of auth.key_file, NULL = no setting */
	mode_t mode;
};

/* Writes the rows to "rows" in the directory of the group. */
static bool
write_keys(void **state, const struct attempt *attempt, char *why, size_t size)
{
	char keys[FIXTURE_PATH_MAX];
	char rows[FIXTURE_PATH_MAX];
	struct settings settings = { 0 };

	fixture_clear_environment();
	if (attempt->variable != NULL)
		setenv("PROVISIONER_API_KEY", attempt->variable, 1);
	fixture_path(state, "keys", keys);
	if (attempt->file != NULL) {
		fixture_write(keys, attempt->file, attempt->mode);
		settings.auth.key_file = keys;
	}
	why[0] = '\0';

	bool written = nginx_keys_write(
	    &settings, fixture_path(state, "rows", rows), why, size);

	fixture_clear_environment();
	unlink(keys);
	return written;
}

static void
keys_become_rows_of_the_map(void **state)
{
	static const struct {
		struct attempt attempt;
		const char *rows;
	} rows[] = {
		{ { NULL, NULL, 0 }, HEAD },
		{ { "", NULL, 0 }, HEAD },
		{ { KEY_A, NULL, 0 }, HEAD "\"~^" KEY_A "$\" default;\n" },
		{ { KEY_128, NULL, 0 }, HEAD "\"~^" KEY_128 "$\" default;\n" },
		{ { NULL, "", 0600 }, HEAD },
		{ { NULL, "# a comment " KEY_A "\n\n  \t\n", 0640 }, HEAD },
		{ { NULL, "laptop " KEY_B "\n", 0600 },
		    HEAD "\"~^" KEY_B "$\" laptop;\n" },
		{ { NULL, " \tci_1\t  " KEY_B "  \r\n", 0600 },
		    HEAD "\"~^" KEY_B "$\" ci_1;\n" },
		{ { NULL, "a " KEY_A "\nb " KEY_B, 0640 },
		    HEAD "\"~^" KEY_A "$\" a;\n\"~^" KEY_B "$\" b;\n" },
		{ { KEY_A, "laptop " KEY_B "\n", 0600 }, HEAD
		    "\"~^" KEY_A "$\" default;\n\"~^" KEY_B "$\" laptop;\n" },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char path[FIXTURE_PATH_MAX];
		char why[512];
		struct stat status;

		if (!write_keys(state, &rows[i].attempt, why, sizeof(why)))
			fail_msg("%s", why);

		char *text = fixture_read(fixture_path(state, "rows", path));

		assert_non_null(text);
		assert_string_equal(text, rows[i].rows);
		free(text);
		assert_int_equal(stat(path, &status), 0);
		assert_int_equal(status.st_mode & 07777, 0640);
		assert_int_equal(unlink(path), 0);
	}
}

#define NAME_64                                                                \
	"n234567890123456789012345678901234567890123456789012345678901234"
#define RULE "a key has 16 to 128 of A-Z, a-z, 0-9, \"_\", \"-\"; "

static const struct {
	struct attempt attempt;
	const char *secret; /* what the sentence must not hold */
	const char *says;
} refused[] = {
	{ { "AAAAAAAAAAAAAAA", NULL, 0 }, "AAAAA",
	    "PROVISIONER_API_KEY: " RULE "make one with: " },
	{ { KEY_128 "A", NULL, 0 }, "AAAAA", "PROVISIONER_API_KEY: " RULE },
	{ { "AAAAAAAA AAAAAAAA", NULL, 0 }, "AAAAA",
	    "PROVISIONER_API_KEY: " RULE },
	{ { "AAAAAAAA\"AAAAAAAA", NULL, 0 }, "AAAAA",
	    "PROVISIONER_API_KEY: " RULE },
	{ { "AAAAAAAA$AAAAAAAA", NULL, 0 }, "AAAAA",
	    "PROVISIONER_API_KEY: " RULE },
	{ { "AAAAAAAA.AAAAAAAA", NULL, 0 }, "AAAAA",
	    "PROVISIONER_API_KEY: " RULE },
	{ { KEY_A "\n", NULL, 0 }, "AAAAA", "PROVISIONER_API_KEY: " RULE },
	{ { KEY_A "\u00e9", NULL, 0 }, "AAAAA", "PROVISIONER_API_KEY: " RULE },
	{ { NULL, "# x\nlaptop short-SECRET\n", 0600 }, "SECRET", ":2: " RULE },
	{ { NULL, "laptop " KEY_128 "A\n", 0600 }, "AAAAA", ":1: " RULE },
	{ { NULL, "laptop AAAAAAAA;AAAAAAAA\n", 0600 }, "AAAAA", ":1: " RULE },
	{ { NULL, "AAAAAAAAAAAAAAAA\n", 0600 }, "AAAAA",
	    ":1: a line is \"name key\"" },
	{ { NULL, "laptop " KEY_A " more\n", 0600 }, "AAAAA",
	    ":1: a line is \"name key\"" },
	{ { NULL, "lap;top " KEY_A "\n", 0600 }, "AAAAA",
	    ":1: a name has at most 64 of A-Z" },
	{ { NULL, NAME_64 "5 " KEY_A "\n", 0600 }, "AAAAA",
	    ":1: a name has at most 64 of A-Z" },
	{ { NULL, "a " KEY_A "\nb " KEY_A "\n", 0600 }, "AAAAA",
	    ":2: the same key stands there twice" },
	{ { NULL, "a " KEY_A "\na " KEY_B "\n", 0600 }, "AAAAA", ":2: " },
	{ { KEY_A, "laptop " KEY_A "\n", 0600 }, "AAAAA",
	    ":1: the same key stands there twice" },
	{ { KEY_A, "default " KEY_B "\n", 0600 }, "AAAAA", ":1: " },
	{ { NULL, "laptop " KEY_A "\n", 0644 }, "AAAAA",
	    "can be read by everybody: chmod o-r it" },
	{ { NULL, "laptop " KEY_128 KEY_128 KEY_128 KEY_128 "\n", 0600 },
	    "AAAAA", ":1: the line is too long" },
	/* the columns are swapped: what stands for a name is the key */
	{ { NULL, KEY_A " first-of-laptops\n" KEY_A " other-of-laptops\n",
	      0600 },
	    "AAAAA", ":2: " },
};

static void
a_bad_key_is_refused_without_being_told(void **state)
{
	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		char path[FIXTURE_PATH_MAX];
		char why[512];

		if (write_keys(state, &refused[i].attempt, why, sizeof(why)))
			fail_msg("row %zu was taken", i);
		if (strstr(why, refused[i].says) == NULL)
			fail_msg("row %zu: %s", i, why);
		if (strstr(why, refused[i].secret) != NULL)
			fail_msg("row %zu tells a key: %s", i, why);
		assert_int_not_equal(
		    access(fixture_path(state, "rows", path), F_OK), 0);
	}
}

static void
a_failure_keeps_the_former_output(void **state)
{
	char path[FIXTURE_PATH_MAX];
	char why[512];

	fixture_write(fixture_path(state, "rows", path), "former\n", 0600);
	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		assert_false(
		    write_keys(state, &refused[i].attempt, why, sizeof(why)));

		char *text = fixture_read(path);

		assert_string_equal(text, "former\n");
		free(text);
	}
	assert_int_equal(unlink(path), 0);
	fixture_assert_directory_is_empty(state);
}

static void
success_replaces_the_former_output(void **state)
{
	static const struct attempt attempt = { KEY_A, NULL, 0 };
	char path[FIXTURE_PATH_MAX];
	char why[512];
	struct stat former, status;

	fixture_write(fixture_path(state, "rows", path), "former\n", 0600);
	assert_int_equal(stat(path, &former), 0);
	FILE *reader = fopen(path, "re");
	assert_non_null(reader);
	assert_true(write_keys(state, &attempt, why, sizeof(why)));
	assert_int_equal(stat(path, &status), 0);
	/* another file under the name: who reads the old one reads it whole */
	assert_int_not_equal(status.st_ino, former.st_ino);
	assert_int_equal(fgetc(reader), 'f');
	fclose(reader);
	assert_int_equal(status.st_mode & 07777, 0640);
	assert_int_equal(unlink(path), 0);
}

static void
a_key_file_that_is_none_is_refused(void **state)
{
	char path[FIXTURE_PATH_MAX];
	char rows[FIXTURE_PATH_MAX];
	char why[512];
	struct settings settings = { 0 };

	fixture_clear_environment();
	fixture_path(state, "rows", rows);
	settings.auth.key_file =
	    (char *)(uintptr_t)fixture_path(state, "none", path);
	assert_false(nginx_keys_write(&settings, rows, why, sizeof(why)));
	assert_non_null(strstr(why, "auth.key_file: cannot read "));
	assert_non_null(strstr(why, "No such file or directory"));
	settings.auth.key_file = *state;
	assert_false(nginx_keys_write(&settings, rows, why, sizeof(why)));
	assert_non_null(strstr(why, "is not a file"));
}

static void
an_output_that_cannot_be_written_is_told(void **state)
{
	char output[FIXTURE_PATH_MAX];
	char why[512];
	struct settings settings = { 0 };

	fixture_clear_environment();
	setenv("PROVISIONER_API_KEY", KEY_A, 1);
	fixture_path(state, "none/rows", output);
	assert_false(nginx_keys_write(&settings, output, why, sizeof(why)));
	assert_non_null(strstr(why, output));
	assert_non_null(strstr(why, "No such file or directory"));
	/* a directory cannot be replaced; the draft must not stay behind */
	fixture_path(state, "taken", output);
	assert_int_equal(mkdir(output, 0700), 0);
	assert_false(nginx_keys_write(&settings, output, why, sizeof(why)));
	assert_non_null(strstr(why, output));
	fixture_clear_environment();
	assert_int_equal(rmdir(output), 0);
	fixture_assert_directory_is_empty(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_become_rows_of_the_map),
		cmocka_unit_test(a_bad_key_is_refused_without_being_told),
		cmocka_unit_test(a_failure_keeps_the_former_output),
		cmocka_unit_test(success_replaces_the_former_output),
		cmocka_unit_test(a_key_file_that_is_none_is_refused),
		cmocka_unit_test(an_output_that_cannot_be_written_is_told),
	};

	return cmocka_run_group_tests(
	    tests, fixture_directory_make, fixture_directory_remove);
}
