//! The command line: turns settings into a running process.

mod corpus;

fn main() {
    let paths: Vec<_> = std::env::args_os().skip(2).map(Into::into).collect();
    let sources = if paths.is_empty() { corpus::shipped() } else { corpus::read(&paths).unwrap() };
    match docket::Docket::load(sources.clone()) {
        Ok(docket) => {
            let report = docket::check::check(&docket);
            let mut all: Vec<_> = report.failed.iter().map(|(_, f)| f.clone()).collect();
            all.extend(report.uncited.clone());
            all.extend(report.idle_in_cases.clone());
            for f in &all { println!("{} {} {}", f.place(&sources), f.message, f.label); }
            for f in &report.lints { println!("{} warning {} {}", f.place(&sources), f.message, f.label); }
            println!("{} cases, {} failed, {} uncited, {} idle, {} statements, image {} bytes", report.cases, report.failed.len(), report.uncited.len(), report.idle_in_cases.len(), report.statements, docket.image().to_bytes().len());
        }
        Err(faults) => { print!("{}", docket::fault::report(&faults, &sources, false)); std::process::exit(1) }
    }
}
