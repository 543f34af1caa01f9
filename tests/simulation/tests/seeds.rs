//! A hundred seeds.

use simulation::run::{Options, run};

#[test]
fn nothing_is_lost_where_nothing_goes_wrong() {
    run(1, Options { is_calm: true, ..Options::default() }).unwrap();
}
