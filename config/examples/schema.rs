//! Prints the JSON Schema of mizan.yml.

fn main() {
    println!("{:#}", mizan_config::schema());
}
