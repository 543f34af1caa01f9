use uuid::Uuid;

/// Which rows one may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All companies, and rows of none.
    All,
    /// One company's.
    Company(Uuid),
}
