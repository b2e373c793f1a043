"""The product as it is deployed: the shipped nginx site, spawn-fcgi, the program."""

from .nginx import Nginx
from .process import PortTaken, StackError, free_port
from .provisioner import Provisioner
from .stack import Stack
from .stub import Stub

__all__ = ["Nginx", "PortTaken", "Provisioner", "Stack", "StackError", "Stub", "free_port"]
