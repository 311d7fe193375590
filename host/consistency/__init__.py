"""What a network has fused, in the scene's own counts and consistent with its MS, across the seams of tiles."""
