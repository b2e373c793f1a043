"""What the API server refuses in an object, in its own words. Not complete: see the tests."""
import re
from decimal import Decimal

from .status import bad_request, quoted

LOWER = "must consist of lower case alphanumeric characters"
MIXED = "consist of alphanumeric characters, '-', '_' or '.',"
ENDS = "and must start and end with an alphanumeric character"
REGEX = "regex used for validation is '%s')"
LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
RULES = {  # pattern, longest, what is said when it does not match
    "label": (LABEL, 63, f"a lowercase RFC 1123 label {LOWER} or '-', {ENDS} "
              f"(e.g. 'my-name',  or '123-abc', {REGEX}"),
    "subdomain": (rf"{LABEL}(\.{LABEL})*", 253, f"a lowercase RFC 1123 subdomain {LOWER}, '-' or "
                  f"'.', {ENDS} (e.g. 'example.com', {REGEX}"),
    "dns1035": ("[a-z]([-a-z0-9]*[a-z0-9])?", 63, f"a DNS-1035 label {LOWER} or '-', start with an "
                "alphabetic character, and end with an alphanumeric character "
                f"(e.g. 'my-name',  or 'abc-123', {REGEX}"),
    "key": (QUALIFIED, 63, f"name part must {MIXED} {ENDS} "
            f"(e.g. 'MyName',  or 'my.name',  or '123-abc', {REGEX}"),
    "value": (f"({QUALIFIED})?", 63, f"a valid label must be an empty string or {MIXED} {ENDS} "
              f"(e.g. 'MyValue',  or 'my_value',  or '12345', {REGEX}"),
}
QUANTITY = re.compile(r"^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$")
FACTORS = {"": 1, "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "k": 1000,
           **{unit: 1000**power for power, unit in enumerate("MGTPE", 2)},
           **{f"{unit}i": 1024**power for power, unit in enumerate("KMGTPE", 1)}}


class Causes(list):
    """The broken fields of one object, each method looking for one kind of fault."""

    def add(self, reason: str, field: str, message: str) -> None:
        self.append({"reason": f"FieldValue{reason}", "message": message, "field": field})

    def wrong(self, field: str, value: object, why: str) -> None:
        self.add("Invalid", field, f"Invalid value: {quoted(value)}: {why}")

    def required(self, field: str, value: object, why: str = "") -> bool:
        if not value:
            self.add("Required", field, f"Required value{why}")
        return bool(value)

    def match(self, field: str, value: str, rule: str, shown: str = "") -> None:
        pattern, longest, sentence = RULES[rule]
        if len(value) > longest:
            self.wrong(field, shown or value, f"must be no more than {longest} characters")
        if not re.fullmatch(pattern, value):
            self.wrong(field, shown or value, sentence % pattern)

    def port(self, field: str, value: int | str) -> None:
        if isinstance(value, int) and not 1 <= value <= 65535:
            self.wrong(field, value, "must be between 1 and 65535, inclusive")

    def metadata(self, meta: dict, rule: str) -> None:
        if self.required("metadata.name", meta.get("name"), ": name or generateName is required"):
            self.match("metadata.name", meta["name"], rule)
        for key, value in (meta.get("labels") or {}).items():
            self.match("metadata.labels", key.rpartition("/")[2], "key", key)
            self.match("metadata.labels", value, "value")
        for key in meta.get("annotations") or {}:
            self.match("metadata.annotations", key.rpartition("/")[2], "key", key)
        for owner in meta.get("ownerReferences") or []:
            if not owner.get("uid"):
                self.wrong("metadata.ownerReferences.uid", "", "uid must not be empty")

    def names(self, field: str, items: list[dict]) -> None:
        for index, item in enumerate(items):
            at, name = f"{field}[{index}].name", item.get("name")
            if not self.required(at, name):
                continue
            if name in [before.get("name") for before in items[:index]]:
                self.add("Duplicate", at, f"Duplicate value: {quoted(name)}")
            else:
                self.match(at, name, "label")

    def mounts(self, field: str, mounts: list[dict], volumes: set[str]) -> None:
        for index, mount in enumerate(mounts):
            at, path = f"{field}[{index}]", mount.get("mountPath")
            if self.required(f"{at}.name", mount.get("name")) and mount["name"] not in volumes:
                self.add("NotFound", f"{at}.name", f"Not found: {quoted(mount['name'])}")
            if self.required(f"{at}.mountPath", path) and path in [
                    before.get("mountPath") for before in mounts[:index]]:
                self.wrong(f"{at}.mountPath", path, "must be unique")

    def containers(self, field: str, containers: list[dict], volumes: set[str]) -> None:
        self.names(field, containers)
        for index, container in enumerate(containers):
            at, resources = f"{field}[{index}]", container["resources"]
            self.required(f"{at}.image", container.get("image"))
            for number, port in enumerate(container.get("ports") or []):
                where = f"{at}.ports[{number}].containerPort"
                if self.required(where, port.get("containerPort")):
                    self.port(where, port["containerPort"])
            self.mounts(f"{at}.volumeMounts", container.get("volumeMounts") or [], volumes)
            for name, limit in (resources.get("limits") or {}).items():
                asked = resources["requests"][name]
                if quantity(asked) > quantity(limit):
                    self.wrong(f"{at}.resources.requests", str(asked),
                               f"must be less than or equal to {name} limit")


def quantity(value: object) -> Decimal:
    number, suffix = QUANTITY.match(str(value)).groups()
    return Decimal(number) * FACTORS[suffix] if suffix in FACTORS else Decimal(number + suffix)


def namespace_causes(obj: dict, causes: Causes) -> None:
    causes.metadata(obj["metadata"], "label")


def plain_causes(obj: dict, causes: Causes) -> None:
    causes.metadata(obj["metadata"], "subdomain")


def pod_causes(obj: dict, causes: Causes) -> None:
    spec, volumes = obj["spec"], obj["spec"].get("volumes") or []
    plain_causes(obj, causes)
    causes.names("spec.volumes", volumes)
    causes.required("spec.containers", spec.get("containers"))
    for field in ("containers", "initContainers"):
        causes.containers(f"spec.{field}", spec.get(field) or [], {row.get("name") for row in volumes})


def service_causes(obj: dict, causes: Causes) -> None:
    ports = obj["spec"].get("ports") or []
    causes.metadata(obj["metadata"], "dns1035")
    causes.required("spec.ports", ports)
    for index, port in enumerate(ports):
        if len(ports) > 1:
            causes.required(f"spec.ports[{index}].name", port.get("name"))
        for key in ("port", "targetPort"):
            causes.port(f"spec.ports[{index}].{key}", port[key])


def check_quantities(pod: dict) -> None:
    """The server's decoder refuses these, so that they never reach validation."""
    for container in pod["spec"].get("containers") or []:
        for group, amounts in (container.get("resources") or {}).items():
            if not all(QUANTITY.match(str(amount)) for amount in amounts.values()):
                raise bad_request(
                    'Pod in version "v1" cannot be handled as a Pod: v1.Pod.Spec: v1.PodSpec.'
                    "Containers: []v1.Container: v1.Container.Resources: v1.ResourceRequirements."
                    f"{group.capitalize()}: unmarshalerDecoder: quantities must match the regular "
                    f"expression '{QUANTITY.pattern}'")
