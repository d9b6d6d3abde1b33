@echo off
rem Makes ready what is missing, then runs a subcommand: crossgate verify -k arm64
rem The same steps as the POSIX launcher's; the making is fixtures/cli/environment.py's.
setlocal
rem The dot keeps the last backslash from escaping the quote behind it.
set "root=%~dp0."
set "python=%root%\.venv\Scripts\python.exe"

if not exist "%python%" goto make
fc /b "%root%\requirements.lock" "%root%\.venv\requirements.lock" > nul 2>&1
if not errorlevel 1 goto run

:make
for %%p in ("py -3" "python3" "python") do (
    set "maker=%%~p"
    %%~p -c "import sys; sys.exit(sys.version_info < (3, 11))" > nul 2>&1 && goto found
)
echo crossgate: Python 3.11 or newer is needed and was not found on PATH; install it (winget install Python.Python.3.13) 1>&2
exit /b 3

:found
%maker% -I "%root%\fixtures\cli\environment.py" "%root%" || exit /b
if not exist "%python%" exit /b 3

:run
"%python%" -c "import sys; sys.path.insert(0, sys.argv.pop(1)); sys.argv[0] = 'crossgate'; from fixtures.cli.main import main; sys.exit(main())" "%root%" %*
exit /b %errorlevel%
