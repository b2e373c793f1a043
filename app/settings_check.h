/*
 * What a text setting may look like. A check returns NULL when the value is
 * good, else what is wrong with it and what to write instead, to follow
 * "SETTING: "; the result may use `scratch`.
 */
#ifndef SETTINGS_CHECK_H
#define SETTINGS_CHECK_H

#define SETTINGS_SCRATCH 512

typedef const char *
settings_checker(const char *value, char scratch[SETTINGS_SCRATCH]);

settings_checker check_text;          /* any text without control characters */
settings_checker check_file;          /* path on this machine, absolute */
settings_checker check_socket;        /* the same, fits sockaddr_un */
settings_checker check_host_path;     /* absolute, canonical, on the node */
settings_checker check_host_template; /* the same with placeholders */
settings_checker check_subpath;       /* relative, canonical, placeholders */
settings_checker check_dns_label;     /* RFC 1123 label: a namespace */
settings_checker check_dns_name;      /* RFC 1123 subdomain: a claim */
settings_checker check_image;         /* an image reference */
settings_checker check_host;          /* host name, IPv4, [IPv6] */
settings_checker check_unsupported;   /* refuses every value */
settings_checker check_url;           /* https://host[:port] */

#endif
