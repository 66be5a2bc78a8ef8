"""Efficiency: latency, throughput, memory, parameters and MACs of methods on this machine."""
