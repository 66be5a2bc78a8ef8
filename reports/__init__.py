"""Reports read results and draw tables, figures and pages. They run nothing."""
