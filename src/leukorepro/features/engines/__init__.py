"""What computes a network's features: OpenVINO on a CPU, or torch anywhere."""
