"""Parts of ``bitpan fuse``: many scenes, and what is made beside a fused one."""
