"""Who asks, and what they may do."""
import secrets
from typing import NamedTuple

from .status import ApiError, forbidden

ADMIN, ANONYMOUS = "admin", "system:anonymous"
PROVISIONER = "system:serviceaccount:deer-flow:sandbox-provisioner"
OBJECTS = {"get", "list", "watch", "create", "delete", "patch"}
RULES = {"namespaces": {"get", "create"}, "pods": OBJECTS, "services": OBJECTS,
         "selfsubjectaccessreviews": {"create"}}   # what conf/rbac.yaml grants
OPEN_PATHS = ("/version", "/healthz", "/livez", "/readyz")


class Target(NamedTuple):
    """What a request is about; a path outside the resources has no resource."""

    verb: str
    path: str
    group: str = ""
    resource: str = ""
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def full_resource(self) -> str:
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


class Access:
    def __init__(self) -> None:
        self.tokens = {secrets.token_hex(16): user for user in (ADMIN, PROVISIONER)}

    def user(self, header: str | None) -> str:
        """The user of an Authorization header; none for a wrong one."""
        return ANONYMOUS if header is None else self.tokens.get(header.removeprefix("Bearer "), "")

    @staticmethod
    def allowed(user: str, verb: str, resource: str) -> bool:
        return user == ADMIN or (user == PROVISIONER and verb in RULES.get(resource, ()))

    def check(self, user: str, target: Target) -> None:
        if not user:
            raise ApiError(401, "Unauthorized", "Unauthorized")
        if not target.resource:
            if user == ANONYMOUS and not target.path.startswith(OPEN_PATHS):
                raise ApiError(403, "Forbidden", f'forbidden: User "{user}" cannot {target.verb} '
                               f'path "{target.path}"', {})
        elif not self.allowed(user, target.verb, target.full_resource):
            where = f'in the namespace "{target.namespace}"' if target.namespace \
                else "at the cluster scope"
            raise forbidden(target.resource, target.name, f'User "{user}" cannot {target.verb} '
                            f'resource "{target.full_resource}" in API group "{target.group}" '
                            f"{where}", target.group)
