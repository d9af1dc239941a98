//! Engine against definition, and the laws every answer obeys.

mod engines;
mod image;
mod laws;
mod world;
