"""What is asked of varscore itself: how fast, how long; does a result hold, does a machine."""
