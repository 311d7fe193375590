"""The subcommands of ``bitpan``, a file each: its arguments, and what it calls."""
