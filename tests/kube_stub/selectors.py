"""Label and field selectors."""
import re
from collections.abc import Callable

from .status import bad_request

Test = Callable[[dict], bool]
LABEL = re.compile(r"(?P<absent>!)?\s*(?P<key>[A-Za-z0-9][-A-Za-z0-9_./]*)\s*"
                   r"(?:(?P<sign>==|=|!=)\s*(?P<value>[-A-Za-z0-9_.]*)"
                   r"|(?P<set>in|notin)\s*\((?P<values>[^()]*)\))?\s*(?:,|$)")
FIELD = re.compile(r"(metadata\.name|metadata\.namespace|spec\.nodeName|status\.phase)(==|=|!=)(.*)")


def label_test(text: str) -> Test:
    tests, at = [], 0
    while at < len(text):
        found = LABEL.match(text, at)
        if not found:
            raise bad_request(f"found '{text[at:]}', expected: !, identifier, or 'end of string'")
        tests.append(requirement(found))
        at = found.end()
    return lambda obj: all(test(obj["metadata"].get("labels") or {}) for test in tests)


def requirement(found: re.Match) -> Test:
    key, sign = found["key"], found["sign"] or found["set"]
    if sign is None:
        return lambda labels: (key in labels) != bool(found["absent"])
    values = [word.strip() for word in (found["values"] or found["value"] or "").split(",")]
    return lambda labels: (labels.get(key) in values) == (sign in ("=", "==", "in"))


def field_test(text: str) -> Test:
    wanted = []
    for part in filter(None, text.split(",")):
        found = FIELD.fullmatch(part)
        if not found:
            raise bad_request(f"field label not supported: {re.split('[=!]', part)[0]}")
        wanted.append((*found[1].split("."), found[3], found[2] != "!="))
    return lambda obj: all((obj[first].get(second, "") == value) == same
                           for first, second, value, same in wanted)
