"""What many numbers say together: groups of tracks, the strongest, how large is large."""
