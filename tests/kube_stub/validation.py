"""What the API server refuses in an object, in its own words. Not complete: see the tests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from .status import ApiError, Cause, bad_request, quoted

LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
SUBDOMAIN = rf"{LABEL}(\.{LABEL})*"
DNS1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
LABEL_VALUE = f"({QUALIFIED})?"
ENV_NAME = "[-._a-zA-Z][-._a-zA-Z0-9]*"
QUANTITY = re.compile(r"^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$")
FACTORS = {"": 1, "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"),
           "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18,
           "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60}
HOST_PATH_TYPES = ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File",
                   "FileOrCreate", "Socket"]

# pattern, longest, and the sentence for a text that does not match
RULES = {
    "label": (LABEL, 63, "a lowercase RFC 1123 label must consist of lower case alphanumeric "
              "characters or '-', and must start and end with an alphanumeric character "
              "(e.g. 'my-name',  or '123-abc', regex used for validation is '%s')"),
    "subdomain": (SUBDOMAIN, 253, "a lowercase RFC 1123 subdomain must consist of lower case "
                  "alphanumeric characters, '-' or '.', and must start and end with an "
                  "alphanumeric character (e.g. 'example.com', regex used for validation is "
                  "'%s')"),
    "dns1035": (DNS1035, 63, "a DNS-1035 label must consist of lower case alphanumeric characters "
                "or '-', start with an alphabetic character, and end with an alphanumeric "
                "character (e.g. 'my-name',  or 'abc-123', regex used for validation is '%s')"),
    "key": (QUALIFIED, 63, "name part must consist of alphanumeric characters, '-', '_' or '.', "
            "and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',"
            "  or '123-abc', regex used for validation is '%s')"),
    "value": (LABEL_VALUE, 63, "a valid label must be an empty string or consist of alphanumeric "
              "characters, '-', '_' or '.', and must start and end with an alphanumeric character "
              "(e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '%s')"),
    "env": (ENV_NAME, 10**6, "a valid environment variable name must consist of alphabetic "
            "characters, digits, '_', '-', or '.', and must not start with a digit (e.g. "
            "'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex used for validation is "
            "'%s')"),
}
MANY_SLASHES = (
    "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and "
    f"end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used "
    f"for validation is '{QUALIFIED}') with an optional DNS subdomain prefix and '/' (e.g. "
    "'example.com/MyName')")
PORT_RANGE = "must be between 1 and 65535, inclusive"
Causes = Iterator[Cause]


def wrong(field: str, value: object, why: str) -> Cause:
    return Cause("FieldValueInvalid", field, f"Invalid value: {quoted(value)}: {why}")


def required(field: str, why: str = "") -> Cause:
    return Cause("FieldValueRequired", field, "Required value" + (f": {why}" if why else ""))


def one_of(field: str, value: object, allowed: list[str]) -> Causes:
    if value not in allowed:
        names = ", ".join(quoted(name) for name in allowed)
        yield Cause("FieldValueNotSupported", field,
                    f"Unsupported value: {quoted(value)}: supported values: {names}")


def matches(field: str, value: str, rule: str, shown: str | None = None) -> Causes:
    pattern, longest, sentence = RULES[rule]
    shown = value if shown is None else shown
    if len(value) > longest:
        yield wrong(field, shown, f"must be no more than {longest} characters")
    if not re.fullmatch(pattern, value):
        yield wrong(field, shown, sentence % pattern)


def key_causes(field: str, key: str) -> Causes:
    if key.count("/") > 1:
        yield wrong(field, key, MANY_SLASHES)
    else:
        yield from matches(field, key.rpartition("/")[2], "key", key)


def metadata_causes(meta: dict, name_rule: str) -> Causes:
    name = meta.get("name", "")
    if not name:
        yield required("metadata.name", "name or generateName is required")
    else:
        yield from matches("metadata.name", name, name_rule)
    for key, value in (meta.get("labels") or {}).items():
        yield from key_causes("metadata.labels", key)
        yield from matches("metadata.labels", value, "value")
    for key in meta.get("annotations") or {}:
        yield from key_causes("metadata.annotations", key.lower())
    for owner in meta.get("ownerReferences") or []:
        if not owner.get("uid"):
            yield wrong("metadata.ownerReferences.uid", "", "uid must not be empty")


def unique_names(field: str, items: list[dict]) -> Causes:
    seen: set[str] = set()
    for index, item in enumerate(items):
        name = item.get("name", "")
        if not name:
            yield required(f"{field}[{index}].name")
        elif name in seen:
            yield Cause("FieldValueDuplicate", f"{field}[{index}].name",
                        f"Duplicate value: {quoted(name)}")
        else:
            yield from matches(f"{field}[{index}].name", name, "label")
        seen.add(name)


def volume_causes(field: str, volumes: list[dict]) -> Causes:
    yield from unique_names(field, volumes)
    for index, volume in enumerate(volumes):
        if "hostPath" not in volume:
            continue
        path, at = volume["hostPath"].get("path", ""), f"{field}[{index}].hostPath"
        if not path:
            yield required(f"{at}.path")
        elif ".." in path.split("/"):
            yield wrong(f"{at}.path", path, "must not contain '..'")
        yield from one_of(f"{at}.type", volume["hostPath"].get("type", ""), HOST_PATH_TYPES)


def mount_causes(field: str, mounts: list[dict], volumes: set[str]) -> Causes:
    paths: set[str] = set()
    for index, mount in enumerate(mounts):
        name, path, sub = (mount.get(key, "") for key in ("name", "mountPath", "subPath"))
        if not name:
            yield required(f"{field}[{index}].name")
        elif name not in volumes:
            yield Cause("FieldValueNotFound", f"{field}[{index}].name", f"Not found: {quoted(name)}")
        if not path:
            yield required(f"{field}[{index}].mountPath")
        elif path in paths:
            yield wrong(f"{field}[{index}].mountPath", path, "must be unique")
        paths.add(path)
        if sub.startswith("/"):
            yield wrong(f"{field}.subPath", sub, "must be a relative path")
        elif ".." in sub.split("/"):
            yield wrong(f"{field}.subPath", sub, "must not contain '..'")


def quantity(value: object) -> Decimal:
    number, suffix = QUANTITY.match(str(value)).groups()
    if suffix in FACTORS:
        return Decimal(number) * FACTORS[suffix]
    return Decimal(f"{number}{suffix}")


def resource_causes(field: str, resources: dict) -> Causes:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for group, amounts in (("limits", limits), ("requests", requests)):
        for name, amount in amounts.items():
            at = f"{field}.{group}[{name}]"
            if "/" not in name and name not in ("cpu", "memory", "ephemeral-storage"):
                yield wrong(at, name, "must be a standard resource type or fully qualified")
                yield wrong(at, name, "must be a standard resource for containers")
            if quantity(amount) < 0:
                yield wrong(at, str(amount), "must be greater than or equal to 0")
    for name, amount in requests.items():
        if name in limits and quantity(amount) > quantity(limits[name]):
            yield wrong(f"{field}.requests", str(amount),
                        f"must be less than or equal to {name} limit")


def container_causes(field: str, containers: list[dict], volumes: set[str]) -> Causes:
    yield from unique_names(field, containers)
    for index, container in enumerate(containers):
        at = f"{field}[{index}]"
        if not container.get("image"):
            yield required(f"{at}.image")
        for number, port in enumerate(container.get("ports") or []):
            value = port.get("containerPort", 0)
            if value == 0:
                yield required(f"{at}.ports[{number}].containerPort")
            elif not 1 <= value <= 65535:
                yield wrong(f"{at}.ports[{number}].containerPort", value, PORT_RANGE)
        for number, variable in enumerate(container.get("env") or []):
            if not variable.get("name"):
                yield required(f"{at}.env[{number}].name")
            else:
                yield from matches(f"{at}.env[{number}].name", variable["name"], "env")
        yield from mount_causes(f"{at}.volumeMounts", container.get("volumeMounts") or [], volumes)
        yield from one_of(f"{at}.imagePullPolicy", container["imagePullPolicy"],
                          ["Always", "IfNotPresent", "Never"])
        yield from resource_causes(f"{at}.resources", container["resources"])


def namespace_causes(obj: dict) -> Causes:
    yield from metadata_causes(obj["metadata"], "label")


def plain_causes(obj: dict) -> Causes:
    yield from metadata_causes(obj["metadata"], "subdomain")


def pod_causes(obj: dict) -> Causes:
    spec = obj["spec"]
    yield from metadata_causes(obj["metadata"], "subdomain")
    volumes = spec.get("volumes") or []
    names = {volume.get("name") for volume in volumes}
    yield from volume_causes("spec.volumes", volumes)
    if not spec.get("containers"):
        yield required("spec.containers")
    yield from container_causes("spec.containers", spec.get("containers") or [], names)
    yield from container_causes("spec.initContainers", spec.get("initContainers") or [], names)
    yield from one_of("spec.restartPolicy", spec["restartPolicy"], ["Always", "OnFailure", "Never"])


def service_causes(obj: dict) -> Causes:
    spec, ports = obj["spec"], obj["spec"].get("ports") or []
    yield from metadata_causes(obj["metadata"], "dns1035")
    if not ports and spec.get("clusterIP") != "None":
        yield required("spec.ports")
    for index, port in enumerate(ports):
        at = f"spec.ports[{index}]"
        if len(ports) > 1 and not port.get("name"):
            yield required(f"{at}.name")
        for key in ("port", "targetPort"):
            if not isinstance(port[key], str) and not 1 <= port[key] <= 65535:
                yield wrong(f"{at}.{key}", port[key], PORT_RANGE)
    yield from one_of("spec.type", spec["type"],
                      ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"])


def undecodable(kind: str, why: str) -> ApiError:
    return bad_request(f'{kind} in version "v1" cannot be handled as a {kind}: {why}')


def check_types(kind: str, obj: dict) -> None:
    """Refuse what the server's decoder would: it never reaches validation."""
    if not isinstance(obj.get("metadata") or {}, dict) or not isinstance(obj.get("spec") or {}, dict):
        raise undecodable(kind, f"v1.{kind}: readObjectStart: expect {{ or n")
    spec = obj.get("spec") or {}
    if kind != "Pod":
        return
    for container in (spec.get("containers") or []) + (spec.get("initContainers") or []):
        at = "v1.Pod.Spec: v1.PodSpec.Containers: []v1.Container: v1.Container"
        for group, amounts in (container.get("resources") or {}).items():
            if not all(QUANTITY.match(str(amount)) for amount in (amounts or {}).values()):
                raise undecodable(kind, f"{at}.Resources: v1.ResourceRequirements."
                                  f"{group.capitalize()}: unmarshalerDecoder: quantities must "
                                  f"match the regular expression '{QUANTITY.pattern}'")
        for variable in container.get("env") or []:
            if not isinstance(variable.get("value", ""), (str, type(None))):
                raise undecodable(kind, f"{at}.Env: []v1.EnvVar: v1.EnvVar.Value: ReadString: "
                                  f'expects " or n, but found {quoted(variable["value"])[0]}')
        for port in container.get("ports") or []:
            if not isinstance(port.get("containerPort", 0), int):
                raise undecodable(kind, f"{at}.Ports: []v1.ContainerPort: v1.ContainerPort."
                                  "ContainerPort: readUint32: unexpected character")
