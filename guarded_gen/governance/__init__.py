"""Which policy acts: roll-outs in steps, and the recorded decisions they are tried over."""
