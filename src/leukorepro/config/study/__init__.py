"""What a study's file may say, part by part: its systems, splits, tables, and what is declared of its paper."""
