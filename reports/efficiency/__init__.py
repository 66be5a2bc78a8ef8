"""What `mfsr-bench bench` measured, as the complexity tables of SR papers."""
