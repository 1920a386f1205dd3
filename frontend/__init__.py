"""The page: Streamlit over the HTTP API, and nothing else of this repository."""
