"""What a person looks at: figures and pages, made of tables alone."""
