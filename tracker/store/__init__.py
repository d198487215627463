"""The facts: tables, and every SELECT and conditional UPDATE on them."""
