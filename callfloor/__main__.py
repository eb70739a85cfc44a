from callfloor.cli import main

main()
