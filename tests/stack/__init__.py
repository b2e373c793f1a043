"""The product as it is deployed: the shipped nginx site, spawn-fcgi, the program."""

from .nginx import Nginx
from .process import PortTaken, StackError, free_port
from .provisioner import Provisioner
from .stack import Stack

__all__ = ["Nginx", "PortTaken", "Provisioner", "Stack", "StackError", "free_port"]
