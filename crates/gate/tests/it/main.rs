//! The gates by their public faces: what proxies are given says what the gate says.

mod tables;
