//! Who may import whom, and other rules that the compiler does not hold.
