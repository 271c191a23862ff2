"""What ECG features mean, one module a part of the ECG."""
