//! Lists the built dashboard for embedding. Without it (`dashboard/dist` is missing: no Node yet) nothing is
//! embedded, and the API serves a page that says how to build it.

use std::{
    env,
    error::Error,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

fn main() -> Result<(), Box<dyn Error>> {
    let directory = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("dashboard/dist");
    println!("cargo::rerun-if-changed={}", directory.display());
    let mut files = String::from("const FILES: &[File] = &[\n");
    for folder in [directory.clone(), directory.join("assets")] {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_file()) {
            let zipped = PathBuf::from(format!("{}.gz", path.display()));
            let name = path.strip_prefix(&directory)?.display().to_string();
            if path.extension().is_none_or(|extension| extension != "gz") && zipped.exists() {
                writeln!(
                    files,
                    "    File {{ name: {name:?}, plain: include_bytes!({:?}), gzip: include_bytes!({:?}) }},",
                    path.display().to_string(),
                    zipped.display().to_string(),
                )?;
            }
        }
    }
    files += "];\n";
    fs::write(Path::new(&env::var("OUT_DIR")?).join("dashboard.rs"), files)?;
    Ok(())
}
