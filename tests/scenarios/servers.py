"""Servers not written here, with what of faultd's behaviour they can produce."""


def why_not(kind):
    return None if kind == "faultd" else KINDS[kind].why_not()


KINDS = {}
