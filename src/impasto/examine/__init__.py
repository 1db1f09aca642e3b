"""What this installation and this machine can do, looked at piece by piece; the source of ``impasto doctor``."""
