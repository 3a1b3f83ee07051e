"""What the tests of whole programs share: starting faultd and longhaul, reading what they leave, adding up the books."""
