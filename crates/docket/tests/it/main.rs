//! The docket as its users meet it: the shipped orders and subjects, and files with every kind of fault.

mod allocation;
mod faults;
mod mutated;
mod rows;
mod shipped;
