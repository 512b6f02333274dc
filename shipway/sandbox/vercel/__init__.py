"""The stand-in of Vercel."""
