"""What the API server refuses in an object, in its own words. Not complete: see the tests."""
import re
from collections.abc import Iterator

from .status import quoted

ENDS = "and must start and end with an alphanumeric character"
REGEX = "regex used for validation is '%s')"
LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
RULES = {  # pattern, longest, what is said when it does not match
    "subdomain": (rf"{LABEL}(\.{LABEL})*", 253, "a lowercase RFC 1123 subdomain must "
                  f"consist of lower case alphanumeric characters, '-' or '.', {ENDS} (e.g. "
                  f"'example.com', {REGEX}"),
    "value": ("(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?", 63, "a valid label must be an empty "
              f"string or consist of alphanumeric characters, '-', '_' or '.', {ENDS} "
              f"(e.g. 'MyValue',  or 'my_value',  or '12345', {REGEX}"),
}
Causes = Iterator[dict]


def cause(reason: str, field: str, message: str) -> dict:
    return {"reason": f"FieldValue{reason}", "message": message, "field": field}


def wrong(field: str, value: object, why: str) -> dict:
    return cause("Invalid", field, f"Invalid value: {quoted(value)}: {why}")


def match(field: str, value: str, rule: str) -> Causes:
    pattern, longest, sentence = RULES[rule]
    if len(value) > longest:
        yield wrong(field, value, f"must be no more than {longest} characters")
    if not re.fullmatch(pattern, value):
        yield wrong(field, value, sentence % pattern)


def check_metadata(meta: dict) -> Causes:
    if meta.get("name"):
        yield from match("metadata.name", meta["name"], "subdomain")
    else:
        yield cause("Required", "metadata.name", "Required value: name or generateName is required")
    for value in (meta.get("labels") or {}).values():
        yield from match("metadata.labels", value, "value")


def check_mounts(field: str, mounts: list[dict], volumes: set[str]) -> Causes:
    paths = [mount["mountPath"] for mount in mounts]
    for index, mount in enumerate(mounts):
        if mount["name"] not in volumes:
            yield cause("NotFound", f"{field}[{index}].name", f"Not found: {quoted(mount['name'])}")
        if paths[index] in paths[:index]:
            yield wrong(f"{field}[{index}].mountPath", paths[index], "must be unique")


def check_containers(spec: dict) -> Causes:
    volumes = {volume["name"] for volume in spec.get("volumes") or []}
    for field in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(field) or []):
            at = f"spec.{field}[{index}]"
            if not container.get("image"):
                yield cause("Required", f"{at}.image", "Required value")
            yield from check_mounts(f"{at}.volumeMounts", container.get("volumeMounts") or [],
                                    volumes)
