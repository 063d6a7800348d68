"""What the report says: tables, words and selections as plain values, without a picture."""
