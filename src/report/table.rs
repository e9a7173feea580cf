//! The report for people, on a terminal or in a pipe.
