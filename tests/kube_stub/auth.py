"""Who asks, and what they may do."""
import secrets

from .request import Target
from .status import ApiError, forbidden

ADMIN, ANONYMOUS = "admin", "system:anonymous"
PROVISIONER = "system:serviceaccount:deer-flow:sandbox-provisioner"
TOKENS = {secrets.token_hex(16): user for user in (ADMIN, PROVISIONER)}
RIGHTS = {   # of the provisioner: what conf/rbac.yaml grants, and system:basic-user
    "pods": {"get", "list", "create", "delete", "patch"},
    "services": {"get", "list", "create", "delete"},
    "namespaces": {"create"},
    "selfsubjectaccessreviews": {"create"},
}


def user_of(header: str | None) -> str:
    """The user of an Authorization header; none for a wrong one."""
    return ANONYMOUS if header is None else TOKENS.get(header.removeprefix("Bearer "), "")


def allowed(user: str, verb: str, resource: str) -> bool:
    return user == ADMIN or (user == PROVISIONER and verb in RIGHTS.get(resource, ()))


def check_access(user: str, target: Target) -> None:
    if not user:
        raise ApiError(401, "Unauthorized", "Unauthorized")
    if target.resource and not allowed(user, target.verb, target.resource):
        where = f'in the namespace "{target.namespace}"' if target.namespace \
            else "at the cluster scope"
        raise forbidden(target.resource.partition("/")[0], target.name,
                        f'User "{user}" cannot {target.verb} resource "{target.resource}" '
                        f'in API group "{target.group}" {where}', target.group)
