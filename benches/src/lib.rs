//! Nothing of its own: what is measured is in benches/.
