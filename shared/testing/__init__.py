"""What tests of several services need: probes, an in-process emulator, fakes of the ports."""
