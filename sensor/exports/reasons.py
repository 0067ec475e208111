"""Why a destination did not take what was sent to it, for people: what is wrong, and where to look."""

import errno
import socket
import ssl

from sensor.exports import tls

REASONS = {
    errno.EACCES: "this user may not write there",
    errno.EPERM: "this user may not write there",
    errno.ECONNREFUSED: "nothing listens there: is the receiver running, and is this its port?",
    errno.EHOSTUNREACH: "no way leads there: look at the network and the firewalls in between",
    errno.ENETUNREACH: "no way leads there: look at the network and the routes of this host",
    errno.ECONNRESET: "it broke the connection: look at the receiver's own log",
    errno.EPIPE: "it broke the connection: look at the receiver's own log",
    errno.ECONNABORTED: "it closed the connection",
    errno.ENOSPC: "the disk is full: make room",
    errno.EDQUOT: "this user's share of the disk is full: make room",
    errno.EFBIG: "the file may not grow any more: look at the limits of this process",
    errno.EROFS: "the disk is read-only",
    errno.EISDIR: "it is a folder: give the name of a file in it",
    errno.ENOENT: "its folder does not exist: make it",
    errno.ENOTDIR: "its folder is a file",
}


def explain(error: OSError) -> str:
    """What is wrong, and what to do."""
    if isinstance(error, ssl.SSLError):
        return tls.explain(error)
    if isinstance(error, socket.gaierror):
        return "this name of a host is not known: look at the name, or at the name server of this host"
    return REASONS.get(error.errno or 0, (error.strerror or str(error)).lower())
