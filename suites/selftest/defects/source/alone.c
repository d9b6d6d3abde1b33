/* A program that needs nothing: neither libraries nor headers. */
int number = 1;

int twice(int value)
{
    return value + value;
}

void _start(void)
{
    for (;;)
        number = twice(number);
}
