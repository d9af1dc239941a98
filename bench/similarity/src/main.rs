//! Scores the matcher on files whose truth is known: `factory/make.py` makes them, this reads them.

mod apps;
mod baselines;
mod cpu;
mod libscan;
mod mapping;
mod matrix;
mod scale;
mod speed;
mod versions;
mod world;

use std::path::PathBuf;

fn main() {
    let mut words = std::env::args().skip(1);
    let what = words.next().unwrap_or_default();
    let folder = words.next().map_or_else(|| PathBuf::from("target/similarity"), PathBuf::from);
    match what.as_str() {
        "matrix" => matrix::run(&folder),
        "speed" => speed::run(&folder),
        "baselines" => baselines::run(&folder),
        "whole" => matrix::whole(&folder),
        "misses" => matrix::misses(&folder),
        "versions" => versions::run(&folder),
        "apps" => apps::run(&folder),
        "hunt" => scale::hunt(&folder),
        "postings" => scale::postings(&folder),
        _ => eprintln!("similarity-bench matrix|whole|misses|baselines|versions|apps|speed|hunt|postings [FOLDER]"),
    }
}
